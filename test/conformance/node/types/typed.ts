interface Named { name: string }
export function greet(name: string): string { const n: Named = { name }; return `hello ${n.name}` }
