words = "words"
