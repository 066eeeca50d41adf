console.log('before')
require('./not-there')
