import { Modal } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { keep, useCluster } from './cluster'
import { screens } from './Shell'
import s from './shell.module.css'

const typing = (e: KeyboardEvent) => e.target instanceof HTMLElement && (e.target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName))

// useKeys listens for the keys that work everywhere.
export function useKeys(onHelp: () => void): void {
  const navigate = useNavigate()
  const cluster = useCluster()
  const going = useRef(0)
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e)) return
      if (e.key === '/') {
        e.preventDefault()
        document.getElementById('search')?.focus()
      } else if (e.key === '?') {
        onHelp()
      } else if (e.key === 'g') {
        going.current = e.timeStamp
      } else if (e.timeStamp - going.current < 1500) {
        const screen = screens.find((x) => x.key === e.key)
        going.current = -Infinity
        if (screen) void navigate({ to: screen.to, search: keep(cluster) })
      }
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [navigate, cluster, onHelp])
}

export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="sm">
      <table className={s.keys}>
        <tbody>
          <tr>
            <td><kbd>/</kbd></td>
            <td>search nodes, transfers, addresses</td>
          </tr>
          {screens.map((x) => (
            <tr key={x.key}>
              <td>
                <kbd>g</kbd> <kbd>{x.key}</kbd>
              </td>
              <td>{x.name}</td>
            </tr>
          ))}
          <tr>
            <td><kbd>Tab</kbd> <kbd>Enter</kbd></td>
            <td>move to and open nodes, decisions, rows</td>
          </tr>
          <tr>
            <td><kbd>?</kbd></td>
            <td>this list</td>
          </tr>
          <tr>
            <td><kbd>Esc</kbd></td>
            <td>close what is open</td>
          </tr>
        </tbody>
      </table>
    </Modal>
  )
}
