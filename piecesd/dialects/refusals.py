"""Why a field is refused, in the words that every dialect uses for it."""

from piecesd.errors import Phrase

NO_SUCH_SETTING = Phrase("the services have no such setting.", "上游服务没有此设置。")
NO_LOGPROBS = Phrase("the services report no log probabilities.", "上游服务不提供对数概率。")
TEXT_ONLY = Phrase("the services answer with plain text only.", "上游服务只返回纯文本。")
NO_AUDIO = Phrase("only text can be sent to the services.", "只能向上游服务发送文本。")
NO_SEARCH = Phrase("the services don't search the web.", "上游服务不搜索网页。")
NOT_STORED = Phrase("answers are not stored.", "回答不会被存储。")
NOT_MODERATED = Phrase("nothing is moderated here.", "此服务不进行内容审核。")
NO_THINKING = Phrase("the services show none of their thinking.", "上游服务不展示思考过程。")
NO_INSERTING = Phrase(
    "the services continue a text and insert none.", "上游服务只续写文本，不插入文本。"
)
OLDER_THAN_TOOLS = Phrase(
    "it is the older form of tools; send `tools`.", "这是工具的旧形式；请发送 `tools`。"
)
FUNCTIONS_ONLY = Phrase("only functions can be called.", "只能调用函数。")
TEXT_OR_JSON = Phrase(
    "it must be text, json_object or json_schema.", "应为 text、json_object 或 json_schema。"
)
NOT_IN_BACKGROUND = Phrase(
    "a response is made while its request waits.", "响应在请求等待期间生成。"
)
NO_CONVERSATIONS = Phrase(
    "there are no conversation objects; send `previous_response_id`.",
    "没有会话对象；请发送 `previous_response_id`。",
)
NO_TEMPLATES = Phrase("no prompt templates are kept here.", "此服务不保存提示模板。")
NOT_COMPACTED = Phrase("a conversation is never shortened.", "对话不会被压缩。")
