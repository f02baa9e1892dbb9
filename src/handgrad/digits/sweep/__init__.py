"""Many settings of a recipe, chosen on a hold-out: the search is Optuna's, the runs and the honest figures are ours."""
