# -*- coding: latin-1 -*-
print("gelesen:", "ä", __file__)
1 / 0
