"""Tuning on one's own machine, by the study file that the cloud takes.

`study` reads the file, `search` asks Optuna for parameters and tells it what came of them, `trials`
runs the trainer and reads its metric file, and `report` says and draws what was found. Nothing here
imports the trainer: it is a process, as it is a container in the cloud, on a leash (`leash.py`), so
that none outlives the tuner.
"""
