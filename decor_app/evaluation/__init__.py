"""How good a model is: views that the Retrain and Runs pages share."""
