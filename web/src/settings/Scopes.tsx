import form from '../ui/form.module.css'
import s from './settings.module.css'

// What a token may be narrowed to, by area; the API refuses what it does not know.
const areas = ['overview', 'clusters', 'policies', 'templates', 'nodes', 'transfers', 'access-keys', 'decisions', 'conditions', 'settings', 'users'] as const
const readOnly = new Set<string>(['overview', 'decisions', 'conditions'])

type Reach = '' | 'read' | 'write'

interface Props {
  chosen: string[]
  onChange: (scopes: string[]) => void
  writes: boolean // the role may change things at all
}

// Scopes narrows a token below its role. Nothing chosen is no narrowing.
export function Scopes({ chosen, onChange, writes }: Props) {
  const reach = (area: string): Reach => (chosen.includes(`${area}:write`) ? 'write' : chosen.includes(`${area}:read`) ? 'read' : '')
  const set = (area: string, r: Reach) => onChange([...chosen.filter((x) => !x.startsWith(`${area}:`)), ...(r ? [`${area}:${r}`] : [])])
  return (
    <details>
      <summary>{chosen.length ? `Only ${chosen.join(', ')}` : 'Everything that the role may; narrow it…'}</summary>
      <fieldset className={form.group} style={{ marginTop: 10 }}>
        <legend className="hidden">Scopes</legend>
        <div className={s.scopes}>
          {areas.map((area) => (
            <label key={area}>
              <span>{area.replace('-', ' ')}</span>
              <select value={reach(area)} onChange={(e) => set(area, e.currentTarget.value as Reach)}>
                <option value="">{chosen.length ? 'no' : '–'}</option>
                <option value="read">read</option>
                {writes && !readOnly.has(area) ? <option value="write">read and change</option> : null}
              </select>
            </label>
          ))}
        </div>
      </fieldset>
    </details>
  )
}
