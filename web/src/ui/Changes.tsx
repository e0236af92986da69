import s from './changes.module.css'

export interface Line {
  label: string
  before: string
  after: string
  note?: string | undefined
}

// Changes are fields with what they were and what they become.
export function Changes({ lines, caption }: { lines: Line[]; caption: string }) {
  return (
    <table className={s.changes}>
      <caption className="hidden">{caption}</caption>
      <thead className="hidden">
        <tr>
          <th>Field</th>
          <th>Before</th>
          <th>After</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((l) => (
          <tr key={l.label}>
            <th scope="row">{l.label}</th>
            <td>
              <del>{l.before}</del>
            </td>
            <td>
              <ins>{l.after}</ins>
              {l.note ? <small>{l.note}</small> : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
