/** The files that will be sent, as a tree. */
import { folderOf, lastPart, type Folder } from './paths.ts'

/** Files of one folder that are drawn; a folder of thousands is told as a number. */
const portion = 200

/** `chosen`: the entry point, a file or a folder. */
export function Tree({ paths, chosen }: { paths: readonly string[]; chosen: string | undefined }) {
  return (
    // It scrolls, so the keyboard must reach it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="tree" tabIndex={0} role="group" aria-label="Files to send">
      <Inside folder={folderOf(paths)} chosen={chosen} depth={0} />
    </div>
  )
}

function Inside({ folder, chosen, depth }: { folder: Folder; chosen: string | undefined; depth: number }) {
  return (
    <ul>
      {folder.folders.map((inner) => (
        <li key={inner.name}>
          <details open={depth < 2}>
            <summary>
              {lastPart(inner.name)}/{inner.name === chosen && <EntryMark />}
            </summary>
            <Inside folder={inner} chosen={chosen} depth={depth + 1} />
          </details>
        </li>
      ))}
      {folder.files.slice(0, portion).map((path) => (
        <li key={path}>
          {lastPart(path)}
          {path === chosen && <EntryMark />}
        </li>
      ))}
      {folder.files.length > portion && <li>and {folder.files.length - portion} more</li>}
    </ul>
  )
}

const EntryMark = () => <span className="tree-entry">entry point</span>
