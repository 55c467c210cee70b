"""What an answer costs over HTTP, against bare aiohttp, stock Strawberry and Mercurius: `python -m bench.http`."""
