/** Whether something can be used now. */
export function Online({ online }: { online: boolean }) {
  return (
    <span className="status" data-status={online ? 'completed' : 'failed'}>
      {online ? 'online' : 'offline'}
    </span>
  )
}
