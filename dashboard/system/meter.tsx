/** How full something is. */

export function Meter({ name, value, of, words }: { name: string; value: number; of: number; words: string }) {
  const percent = of > 0 ? Math.min(100, (value / of) * 100) : 0
  return (
    <div className="meter">
      <div className="meter-words">
        <span>{name}</span>
        <b>{words}</b>
      </div>
      <div className="meter-bar">
        <div style={{ width: `${percent}%` }} />
      </div>
    </div>
  )
}
