// gets: {"stdin": "read at once"}
console.log(require('fs').readFileSync(0, 'utf8'), require('fs').readFileSync('/dev/stdin', 'utf8'))
