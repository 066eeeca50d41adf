# gets: {"fresh": true}
import json, random
print(json.loads, random.choice("a"), json.__file__)
