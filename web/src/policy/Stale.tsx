import { Button } from '@mantine/core'
import type { PolicyVersion } from '../api/types'
import { who } from '../format/who'
import { Ago } from '../ui/Ago'
import { Changes, type Line } from '../ui/Changes'
import ui from '../ui/ui.module.css'
import { label } from './draft'

interface Props {
  theirs: PolicyVersion
  lines: Line[]
  clashes: string[]
  onMine: () => void
  onTheirs: () => void
}

// Stale is for two editors at once: what the other stored, and the ways on.
export function Stale({ theirs, lines, clashes, onMine, onTheirs }: Props) {
  const clashing = new Set(clashes.map(label))
  return (
    <div className={ui.notice} role="alert">
      <strong>
        {who(theirs.author) || 'Somebody'} stored version {theirs.version} while you were editing, <Ago at={theirs.created_at} />
      </strong>
      <Changes lines={lines.map((l) => ({ ...l, note: clashing.has(l.label) ? 'you changed this, too' : undefined }))} caption="What the other changed" />
      <span>
        {clashes.length ? 'Where you both changed the same, yours would be kept. ' : 'Your changes touch other fields. '}
        Nothing is saved before you look at the preview and press Save.
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
