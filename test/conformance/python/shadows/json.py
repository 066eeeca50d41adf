loads = "ours"
