/** A YAML language server, as editors run it, spoken to over its standard input and output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly uri: string; readonly diagnostics: readonly Diagnostic[]; readonly items: unknown[] };
  readonly result?: unknown;
}

export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

export interface Completion {
  readonly label: string;
  readonly insertText?: string;
  readonly documentation?: unknown;
}

const program = fileURLToPath(
  new URL('../node_modules/yaml-language-server/bin/yaml-language-server', import.meta.url),
);

export class Editor {
  readonly #server: ChildProcess;
  readonly #folder: string;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #checked = new Map<string, (diagnostics: readonly Diagnostic[]) => void>();
  #received = Buffer.alloc(0);
  #sent = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = spawn(process.execPath, [program, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#server.stdout!.on('data', (bytes: Buffer) => this.#take(bytes));
  }

  /** Start the server for a folder. */
  static async open(folder: string): Promise<Editor> {
    const editor = new Editor(folder);
    const rootUri = pathToFileURL(folder).href;
    await editor.#ask('initialize', {
      processId: process.pid,
      rootUri,
      workspaceFolders: [{ uri: rootUri, name: 'folder' }],
      capabilities: { textDocument: { completion: { completionItem: { snippetSupport: true } } } },
    });
    editor.#send({ method: 'initialized', params: {} });
    const yaml = { validate: true, completion: true, hover: true, schemaStore: { enable: false } };
    editor.#send({ method: 'workspace/didChangeConfiguration', params: { settings: { yaml } } });
    return editor;
  }

  close(): void {
    this.#server.kill();
  }

  /** Open a file with a text; what the server finds wrong with it. */
  check(name: string, text: string): Promise<readonly Diagnostic[]> {
    const uri = pathToFileURL(`${this.#folder}/${name}`).href;
    const found = new Promise<readonly Diagnostic[]>((resolve) => this.#checked.set(uri, resolve));
    this.#send({
      method: 'textDocument/didOpen',
      params: { textDocument: { uri, languageId: 'yaml', version: 1, text } },
    });
    return found;
  }

  /** What the server offers where `|` stands in a text. */
  async complete(name: string, text: string): Promise<readonly Completion[]> {
    const before = text.split('|')[0]!.split('\n');
    await this.check(name, text.replace('|', ''));
    const result = await this.#ask('textDocument/completion', {
      textDocument: { uri: pathToFileURL(`${this.#folder}/${name}`).href },
      position: { line: before.length - 1, character: before.at(-1)!.length },
    });
    return (result as { items: Completion[] }).items;
  }

  #ask(method: string, params: object): Promise<unknown> {
    const id = ++this.#sent;
    const answer = new Promise<unknown>((resolve) => this.#answers.set(id, resolve));
    this.#send({ id, method, params });
    return answer;
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#server.stdin!.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#received.toString('latin1', 0, head))?.[1]);
      const end = head + 4 + length;
      if (this.#received.length < end) return;
      const message = JSON.parse(this.#received.toString('utf8', head + 4, end)) as Message;
      this.#received = this.#received.subarray(end);
      this.#heard(message);
    }
  }

  #heard({ id, method, params, result }: Message): void {
    if (method === 'textDocument/publishDiagnostics') this.#checked.get(params!.uri)?.(params!.diagnostics);
    // what the server asks of an editor: settings, leave to register
    else if (method && id !== undefined)
      this.#send({ id, result: params?.items ? params.items.map(() => null) : null });
    else if (!method && id !== undefined) this.#answers.get(id)?.(result);
  }
}
