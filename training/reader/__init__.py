"""A trained reader of expressions: treebank, generator of expressions with trees, training and evaluation."""
