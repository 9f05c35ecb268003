// Text in Markdown: @grafana/data's renderer.
import { PanelPlugin, renderMarkdown, type PanelProps } from '@grafana/data';

function Text({ options, replaceVariables }: PanelProps<{ content: string }>) {
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(replaceVariables(options.content)) }} />;
}

export const text = () => new PanelPlugin(Text).setNoPadding();
