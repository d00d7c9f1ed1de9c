package db

// WithoutValues is the text of a statement as traces show it.
var WithoutValues = withoutValues
