"""How an operation becomes bytes fast. Knows Strawberry, graphql-core and aiohttp, nothing of salons.

An operation that has been accepted once by the stock view is compiled: a plan calls the schema's own resolvers, and a generated
function makes of their values what graphql-core would. The answer is kept as bytes together with a proof that it is still
true, which the application makes and checks. Whatever a plan does not understand goes to the stock view, which also words
every error.

    marks       what a schema's fields say of themselves, so that plans may run them
    projectors  generated functions that turn values into data
    plans       operations compiled, by their text; requests prepared, by their bytes
    answers     rendered bytes with holes for what changes by the moment
    engine      the way of a request
    front       the aiohttp handler before the stock view
    oracle      the stock path as judge: at start, and of a sample in production
"""
