import { Button, Checkbox, FileButton, Skeleton, Textarea } from '@mantine/core'
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer, tagged } from '../api/refusal'
import type { Cluster, ClusterCertificate } from '../api/types'
import { absolute } from '../format/format'
import { who } from '../format/who'
import { Ago } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Id } from '../ui/Copy'
import { Facts, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { end, faultOf, origin } from './shown'

const certificateQuery = (cluster: string) =>
  queryOptions({
    queryKey: ['certificate', cluster],
    queryFn: ({ signal }) => tagged(client.GET('/api/v1/clusters/{cluster}/certificate', { params: { path: { cluster } }, signal })),
    refetchInterval: 10_000,
  })

// CertificatePanel shows what certificate the nodes show to clients that look for them by name, and takes another.
export function CertificatePanel({ cluster: c }: { cluster: Cluster }) {
  const { data, error } = useQuery(certificateQuery(c.name))
  const admin = useMay('admin')
  const [asked, setAsked] = useState<'upload' | 'remove'>()
  return (
    <Panel title="Certificate">
      <Trouble error={error} what="The certificate cannot be read" healed={!!data} />
      {data ? <Shown certificate={data.data} /> : error ? null : <Skeleton height={60} />}
      {data && admin && !c.deleting ? (
        <div className="row" style={{ marginTop: 12 }}>
          <Button size="xs" variant="default" onClick={() => setAsked('upload')}>
            Upload a certificate…
          </Button>
          {data.data.source === 'uploaded' ? (
            <Button size="xs" variant="default" onClick={() => setAsked('remove')}>
              Take it away…
            </Button>
          ) : null}
        </div>
      ) : null}
      {asked === 'upload' && data ? <Upload cluster={c.name} etag={data.etag} onClose={() => setAsked(undefined)} /> : null}
      {asked === 'remove' ? <Remove cluster={c.name} onClose={() => setAsked(undefined)} /> : null}
    </Panel>
  )
}

function Shown({ certificate: c }: { certificate: ClusterCertificate }) {
  const e = end(c, Date.now())
  return (
    <>
      <p className="dim">
        {origin(c)} {c.updated_at ? <>{c.author ? `By ${who(c.author)}, ` : null}<Ago at={c.updated_at} />.</> : null}
      </p>
      {c.certificate ? (
        <Facts
          rows={[
            ['For', c.certificate.names.join(', ')],
            ['Issued by', c.certificate.issuer],
            [
              'Ends',
              <span key="e" style={e && e.tone !== 'good' ? { color: `var(--${e.tone})` } : undefined}>
                {absolute(c.certificate.not_after)}, {e?.text}
              </span>,
            ],
            ['SHA-256', <Id key="s" value={c.certificate.sha256} what="fingerprint" />],
            ['Not good for', c.uncovered.length ? <span key="u" style={{ color: 'var(--warn)' }}>{c.uncovered.join(', ')}</span> : null],
          ]}
        />
      ) : null}
    </>
  )
}

function useSettle(cluster: string) {
  const queries = useQueryClient()
  return () => Promise.all([['certificate', cluster], ['conditions']].map((queryKey) => queries.invalidateQueries({ queryKey })))
}

function Upload({ cluster, etag, onClose }: { cluster: string; etag: string; onClose: () => void }) {
  const [base] = useState(etag)
  const [chain, setChain] = useState('')
  const [key, setKey] = useState('')
  const [other, setOther] = useState(false)
  const settle = useSettle(cluster)
  return (
    <Confirm
      title={`Upload a certificate for ${cluster}`}
      consequences={['Nodes show it within seconds to clients that look for one of its names. Running transfers go on.', 'The key is kept encrypted, goes to the cluster’s nodes, and is never shown again.']}
      label="Upload it"
      ready={!!chain.trim() && !!key.trim() && !faultOf('chain', chain) && !faultOf('key', key)}
      command={`godwit certificate set ${cluster} --chain FILE --key FILE`}
      failed="Nothing was changed"
      act={() => answer(client.PUT('/api/v1/clusters/{cluster}/certificate', { params: { path: { cluster }, header: { 'If-Match': base } }, body: { chain, key, other_names: other } }))}
      onDone={settle}
      onClose={onClose}
    >
      <Pem label="Certificates" description="PEM: the server’s own first, then each the issuer of the one before." value={chain} error={faultOf('chain', chain)} onChange={setChain} />
      <Pem label="Private key" description="PEM, without a passphrase." value={key} error={faultOf('key', key)} onChange={setKey} />
      <Checkbox label="Its names lead to the nodes by other means than the cluster’s names in DNS" checked={other} onChange={(e) => setOther(e.currentTarget.checked)} />
    </Confirm>
  )
}

interface PemProps {
  label: string
  description: string
  value: string
  error: string | undefined
  onChange: (v: string) => void
}

// Pem is a text that is pasted, or read from a file.
function Pem({ label, description, value, error, onChange }: PemProps) {
  return (
    <div>
      <Textarea label={label} description={description} rows={4} spellCheck={false} autoComplete="off" value={value} error={error} styles={{ input: { fontFamily: 'var(--mono)', fontSize: 12 } }} onChange={(e) => onChange(e.currentTarget.value)} />
      <FileButton onChange={(f) => void f?.text().then(onChange)}>
        {(p) => (
          <Button {...p} size="compact-xs" variant="subtle" mt={4}>
            Read {label.toLowerCase()} from a file…
          </Button>
        )}
      </FileButton>
    </div>
  )
}

function Remove({ cluster, onClose }: { cluster: string; onClose: () => void }) {
  return (
    <Confirm
      title={`Take the uploaded certificate of ${cluster} away?`}
      consequences={['Nodes show what they would without it: that of the manager’s files, an ordered one, or their own alone.', 'Clients that look for a name which is not in that refuse the nodes; transfers that the manager arranges go on.', 'Its key is deleted.']}
      label="Take it away"
      danger
      command={`godwit certificate delete ${cluster}`}
      failed="Nothing was changed"
      act={() => answer(client.DELETE('/api/v1/clusters/{cluster}/certificate', { params: { path: { cluster } } }))}
      onDone={useSettle(cluster)}
      onClose={onClose}
    />
  )
}
