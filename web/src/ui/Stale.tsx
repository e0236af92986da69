import { Button } from '@mantine/core'
import { who } from '../format/who'
import { Ago } from './Ago'
import { Changes, type Line } from './Changes'
import ui from './ui.module.css'

interface Props {
  theirs: { version: number; author?: string | undefined; at: string }
  lines: Line[]
  clashes: string[] // labels of what both changed
  onMine: () => void
  onTheirs: () => void
}

// Stale is for two editors at once: what the other stored, and the ways on.
export function Stale({ theirs, lines, clashes, onMine, onTheirs }: Props) {
  return (
    <div className={ui.notice} role="alert">
      <strong>
        {who(theirs.author) || 'Somebody'} stored version {theirs.version} while you were editing, <Ago at={theirs.at} />
      </strong>
      <Changes lines={lines.map((l) => ({ ...l, note: clashes.includes(l.label) ? 'you changed this, too' : undefined }))} caption="What the other changed" />
      <span>
        {clashes.length ? 'Where you both changed the same, yours would be kept. ' : 'Your changes touch other fields. '}
        Nothing is saved before you press Save.
      </span>
      <div className="row">
        <Button size="xs" onClick={onMine}>
          Put my changes on top
        </Button>
        <Button size="xs" variant="default" onClick={onTheirs}>
          Drop mine, take theirs
        </Button>
      </div>
    </div>
  )
}
