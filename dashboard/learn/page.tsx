export function LearnPage() { return <p>learn</p> }
