/** The workspace's own settings, with Rocket.Chat's defaults for those it reads. */

const DEFAULTS: Record<string, unknown> = {
  Site_Url: 'http://localhost:3000',
  Message_QuoteChainLimit: 2,
  Threads_enabled: true,
  uniqueID: 'workspace-in-a-box',
  Message_MaxAllowedSize: 5000,
  Message_ShowDeletedStatus: false,
  Message_AllowPinning: true,
  Message_CustomFields_Enabled: false,
  Message_CustomFields: '',
  Message_CustomDomain_AutoLink: '',
  // Spelt so by Rocket.Chat.
  DirectMesssage_maxUsers: 8,
  FileUpload_Enabled: true,
  FileUpload_MaxFileSize: 104_857_600,
  FileUpload_MediaTypeBlackList: 'image/svg+xml',
  E2E_Enable: true,
  E2E_Allow_Unencrypted_Messages: false,
  HexColorPreview_Enabled: true,
  Katex_Enabled: true,
  UTF8_Channel_Names_Validation: '[0-9a-zA-Z-_.]+',
  Accounts_BlockedUsernameList: '',
  Accounts_AvatarBlockUnauthenticatedAccess: false,
  API_Enable_Rate_Limiter_Limit_Calls_Default: 10,
  API_Enable_Rate_Limiter_Limit_Time_Default: 60_000,
};

export class WorkspaceSettings {
  private readonly values: Map<string, unknown>;

  constructor(given: Record<string, unknown>) {
    this.values = new Map(Object.entries({ ...DEFAULTS, ...given }));
  }

  get(id: string): unknown {
    return this.values.get(id);
  }

  set(id: string, value: unknown): void {
    this.values.set(id, value);
  }

  all(): [string, unknown][] {
    return [...this.values];
  }

  boolean(id: string): boolean {
    return this.values.get(id) === true;
  }

  string(id: string): string {
    const value = this.values.get(id);
    return typeof value === 'string' ? value : '';
  }

  number(id: string): number {
    return Number(this.values.get(id));
  }
}
