export function ComparePage() { return <p>compare</p> }
