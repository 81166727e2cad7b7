--- How much of a suggestion one key takes: all of it, a word, or a line. Pure text.

local M = {}

---@alias homespun.Amount 'all'|'word'|'line'

--- White space and the word or the run of punctuation after it, as Ctrl-Right would cross it.
---@param text string
---@return string
local function first_word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w_%s\128-\255]+') or text
end

--- The rest of this line; at a line's end, the whole next line.
---@param text string
---@return string
local function first_line(text)
  return text:match('^\n*[^\n]+') or text
end

---@param text string a suggestion, or what is left of it
---@param amount homespun.Amount
---@return string taken a beginning of `text`
function M.of(text, amount)
  if amount == 'word' then
    return first_word(text)
  elseif amount == 'line' then
    return first_line(text)
  end
  return text
end

return M
