// browserOf is what a person calls the program of a User-Agent line: "Firefox on Linux".
export function browserOf(agent: string): string {
  if (!agent) return 'unknown'
  const name = /Edg\//.test(agent) ? 'Edge' : /OPR\//.test(agent) ? 'Opera' : /Firefox\//.test(agent) ? 'Firefox' : /(Headless)?Chrom(e|ium)\//.test(agent) ? 'Chrome' : /Version\/[\d.]+ .*Safari\//.test(agent) ? 'Safari' : ''
  if (!name) return agent.split(/[/\s]/)[0] || 'unknown'
  const os = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Mac OS X/.test(agent) ? 'macOS' : /Windows/.test(agent) ? 'Windows' : /Linux|X11/.test(agent) ? 'Linux' : ''
  return os ? `${name} on ${os}` : name
}
