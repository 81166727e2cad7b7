export interface User {
  id: number;
  name: string;
  email?: string;
  roles: string[];
}

export type Result<T> = { ok: true; value: T } | { ok: false; error: string };

export function hasRole(user: User, role: string): boolean {
  return user.roles.includes(role);
}

export function parseUser(text: string): Result<User> {
  try {
    const data = JSON.parse(text);
    if (typeof data.id !== "number" || typeof data.name !== "string") {
      return { ok: false, error: "not a user" };
    }
    return { ok: true, value: { ...data, roles: data.roles ?? [] } };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
}

export async function retry<T>(task: () => Promise<T>, attempts = 3): Promise<T> {
  let last: unknown;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      return await task();
    } catch (error) {
      last = error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
    }
  }
  throw last;
}

export class EventEmitter<T> {
  private listeners = new Set<(event: T) => void>();

  subscribe(listener: (event: T) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  emit(event: T): void {
    for (const listener of this.listeners) {
      listener(event);
    }
  }
}

export function unique<T, K>(items: T[], key: (item: T) => K): T[] {
  const seen = new Set<K>();
  return items.filter((item) => {
    const value = key(item);
    if (seen.has(value)) {
      return false;
    }
    seen.add(value);
    return true;
  });
}

export function formatDate(date: Date): string {
  const month = String(date.getMonth() + 1).padStart(2, "0");
  const day = String(date.getDate()).padStart(2, "0");
  return `${date.getFullYear()}-${month}-${day}`;
}
