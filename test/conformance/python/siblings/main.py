import helper, package, package.inner, importlib.resources, sys
print(helper.name, helper.__file__, package.__path__, package.inner.value, sys.modules["helper"] is helper)
print(importlib.resources.files(package).joinpath("data.txt").read_text(), open("data/more.txt").read())
print(sys.path[0], helper.__spec__.origin, helper.__cached__ is not None)
helper.fail()
