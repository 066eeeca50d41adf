function outer() {
  inner({})
}
function inner(values) {
  throw new TypeError('bad value', { cause: new Error('deeper') })
}
outer()
