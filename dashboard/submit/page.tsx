export function SubmitPage() { return <p>submit</p> }
