"""How accurate an estimator is: annotated pictures in, PCK and OKS out."""
