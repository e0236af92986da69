import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '../account/may'
import type { Node } from '../api/types'
import { Ago } from '../ui/Ago'
import { Copy } from '../ui/Copy'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import s from './nodes.module.css'
import { nodeConsoleQuery } from './queries'

// Console is what the node's machine wrote while it booted: the place to look when a node does not come. It is asked of
// the provider, so only when somebody wants it, and at once for a node that failed.
export function Console({ node: n }: { node: Node }) {
  const may = useMay('operator')
  const [wanted, setWanted] = useState(n.state === 'failed')
  const { data, error, isFetching, refetch } = useQuery({ ...nodeConsoleQuery(n.id), enabled: may && wanted })
  if (!may || !n.instance_id) return null
  return (
    <Panel
      title="Console output"
      aside={
        <span className="row">
          {data ? <Copy text={data.text} what="console output" /> : null}
          <Button size="compact-xs" variant="default" loading={isFetching} onClick={() => (wanted ? void refetch() : setWanted(true))}>
            {wanted ? 'Read again' : 'Read it from the provider'}
          </Button>
        </span>
      }
    >
      <Trouble error={error} what="The provider does not give it" />
      {data ? (
        <>
          <pre className={s.console} tabIndex={0}>
            {data.text || 'Nothing was written.'}
          </pre>
          <p className="dim">
            As of <Ago at={data.at} />, the last part.
          </p>
        </>
      ) : error ? null : (
        <p className="dim">{wanted ? 'Asking the provider…' : 'What its machine wrote while it booted and since.'}</p>
      )}
    </Panel>
  )
}
