"""Experiments of a TensorFlow workshop: fitting too little, too much, and what helps.

Each is a script that ends in a table and a picture: `capacity`, `regularisation`, `early_stopping`
and `amount_of_data`. All judge by a validation set, the last 10,000 of the training digits; the
test digits are never looked at, so they could still tell what the chosen network is worth.
"""
