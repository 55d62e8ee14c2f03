"""A painter that rounds otherwise, as another kind of processor may.

`python -m tests.gallery.otherwise BITS`. It is the studio's own worker; only the lowest
bits of some pixels are turned over at the end.
"""

import sys

from studio import latents, worker

BITS = int(sys.argv[1])
decode = latents.decode


def rounded_otherwise(*arguments):
    pixels = decode(*arguments)
    pixels[::3, ::3] ^= BITS
    return pixels


latents.decode = rounded_otherwise
worker.main()
