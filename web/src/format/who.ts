// who is an actor as people call it: users by name alone, with the token if it was one; others with what they are.
export const who = (actor: string | undefined): string => (actor ?? '').replace(/^user:/, '').replace(/(^| )token:/, '$1token ')
