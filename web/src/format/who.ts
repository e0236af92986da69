// who is an actor as people call it: users by name alone, others with what they are.
export const who = (actor: string | undefined): string => (actor ?? '').replace(/^user:/, '').replace(/^token:/, 'token ')
