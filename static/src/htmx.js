// The one htmx of the site. live.js imports it too, so it is kept on the window: one instance a page.
import htmx from "htmx.org/dist/htmx.esm.js";

window.htmx ??= htmx;
export default window.htmx;
