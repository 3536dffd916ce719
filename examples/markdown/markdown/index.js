// Markdown to HTML, with a table of contents.
// Parameters: `markdown`, the text; `title`, that of the page (the first heading).
const { marked } = require("marked");

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function main({ markdown, title }) {
  if (typeof markdown !== "string") {
    return { error: "parameter `markdown` is missing: give the text to convert" };
  }
  const tokens = marked.lexer(markdown);
  const headings = tokens.filter((token) => token.type === "heading");
  const body = marked.parser(tokens);
  const heading = title || (headings.length ? headings[0].text : "Untitled");
  console.log(`converted ${markdown.length} characters with ${headings.length} headings`);
  return {
    title: heading,
    contents: headings.map(({ depth, text }) => ({ depth, text })),
    html: `<!doctype html>\n<meta charset="utf-8">\n<title>${escaped(heading)}</title>\n${body}`,
  };
}

exports.main = main;
