export function SystemPage() { return <p>system</p> }
