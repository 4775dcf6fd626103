"""What serve.py and predict.py are made of: models, requests, answers, the page."""
