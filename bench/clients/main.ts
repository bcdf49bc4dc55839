// The clients, in processes of their own, so that their work is not taken for the server's.
import { answerParent } from '../questions.js'
import { downloadAnswers } from './downloads.js'
import { refusalAnswers } from './refusals.js'
import { requestAnswers } from './requests.js'
import { websocketAnswers } from './websockets.js'

export type ClientAnswers = typeof answers

const answers = { ...requestAnswers, ...websocketAnswers, ...downloadAnswers, ...refusalAnswers }

answerParent(answers)
