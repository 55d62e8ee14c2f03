"""The artwork's pages."""

from django.urls import path

import compute.converters  # noqa: F401 - hash32
import governance.converters  # noqa: F401 - uint256 and address
from gallery import feeds
from gallery.views import again, health, images, models, pages, parts, records, workers

app_name = "gallery"
urlpatterns = [
    path("", pages.now, name="now"),
    path("now/label/", pages.now_label, name="now-label"),
    path("lineage/", pages.lineage, name="lineage"),
    path("timeline/", pages.timeline, name="timeline"),
    path("generations/<int:number>/", pages.generation, name="generation"),
    path("generations/<int:number>/thumbnail/", parts.thumbnail, name="thumbnail"),
    path("generations/of/<uint256:proposal_id>/", parts.made, name="made"),
    path("generations/decided-by/<address:address>/", parts.decided_by, name="decided_by"),
    path("feed.atom", feeds.GenerationFeed(), name="feed"),
    path("generations/<int:number>/recipe.json", records.recipe, name="recipe"),
    path("generations/<int:number>/environment.json", records.environment, name="environment"),
    path("generations/<int:number>/generation.json", records.generation, name="generation-json"),
    path("generations/<int:number>/again/", again.again, name="again"),
    path("pictures/<hash32:file_hash>/original.png", images.original, name="original"),
    path("pictures/<hash32:file_hash>/<int:size>.webp", images.picture, name="picture"),
    path("models/", models.index, name="models"),
    path("models/<hash32:model_id>/", models.page, name="model"),
    path("workers/", workers.index, name="workers"),
    path("workers/<address:address>/", workers.page, name="worker"),
    path("about/", pages.about, name="about"),
    path("status/", pages.status, name="status"),
    path("status/line/", pages.fresh, name="fresh"),
    path("status.json", records.status, name="status-json"),
    path("robots.txt", records.robots, name="robots"),
    path("sitemap.xml", records.sitemap, name="sitemap"),
    path("healthz/", health.healthz, name="healthz"),
    path("readyz/", health.readyz, name="readyz"),
]
