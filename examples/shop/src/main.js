// vulcan run examples/shop
//
// A folder is packed, unpacked in the microVM, and its entry point found: here by package.json.
import { total } from './total.js'

const basket = [
  { name: 'tea', price: 4.5, count: 2 },
  { name: 'cup', price: 7, count: 1 },
]
console.log(`total ${total(basket)}`)
