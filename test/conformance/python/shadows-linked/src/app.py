# gets: {"fresh": true}
import platform

print(platform.name, platform.__file__)
