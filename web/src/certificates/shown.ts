// What is said of the certificate that a cluster's nodes show by name.
import type { ClusterCertificate } from '../api/types'

const sources: Record<ClusterCertificate['source'], string> = {
  none: 'Nodes show the certificate of the cluster’s own authority alone, which clients pin.',
  uploaded: 'Uploaded here.',
  file: 'From files of the manager (--node-certificate), which are read again when they change.',
  ordered: 'Ordered and renewed by the manager (ACME).',
}

export const origin = (c: ClusterCertificate): string => (c.source === 'ordered' && !c.certificate ? 'Being ordered by the manager (ACME).' : sources[c.source])

export interface End {
  tone: 'good' | 'warn' | 'bad'
  text: string
}

const day = 86_400_000

// end is how long the certificate is still good; a warning from the time on at which the manager has a condition of it.
export function end(c: ClusterCertificate, now: number): End | undefined {
  if (!c.certificate) return undefined
  const ends = Date.parse(c.certificate.not_after)
  const left = ends - now
  const notice = Math.min((ends - Date.parse(c.certificate.not_before)) / 6, 30 * day)
  if (left <= 0) return { tone: 'bad', text: 'it has ended: clients refuse the nodes by name' }
  const days = Math.floor(left / day)
  return { tone: left < notice ? 'warn' : 'good', text: days > 1 ? `${days} days left` : `${Math.max(1, Math.round(left / 3_600_000))} h left` }
}

// faultOf is what is wrong with a PEM text before it is sent, or nothing.
export function faultOf(kind: 'chain' | 'key', pem: string): string | undefined {
  if (!pem.trim()) return undefined
  const key = pem.includes('PRIVATE KEY-----')
  if (kind === 'chain') return key ? 'holds a private key, which belongs below' : pem.includes('-----BEGIN CERTIFICATE-----') ? undefined : 'holds no certificate in PEM'
  if (pem.includes('ENCRYPTED')) return 'is encrypted with a passphrase; decrypt it first'
  return key ? undefined : 'holds no private key in PEM'
}
