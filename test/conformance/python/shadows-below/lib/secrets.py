key = "ours"
