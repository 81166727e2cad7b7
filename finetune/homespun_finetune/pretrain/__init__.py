"""The starter's recipe: a small fill-in-the-middle model from public code, from scratch.

    prepare   repositories → cleaned documents with holes (text; needs the corpus room)
    train     prepared documents → vocabulary, token rows, weights (needs only torch and friends)
    export    the last checkpoint → the folder that is bundled

``settings.py`` reads the one file that drives all three. Training imports nothing beyond torch,
numpy, tokenizers, transformers and safetensors, so that it runs on a bare GPU machine.
"""
