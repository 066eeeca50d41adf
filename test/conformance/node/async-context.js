const { AsyncLocalStorage, executionAsyncId, triggerAsyncId } = require('async_hooks')
const store = new AsyncLocalStorage()
store.run('context', () => setTimeout(() => console.log(store.getStore()), 1))
console.log(executionAsyncId(), triggerAsyncId(), store.getStore())
