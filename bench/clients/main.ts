// The clients, in processes of their own, so that their work is not taken for the server's.
import { answerParent } from '../questions.js'
import { requestAnswers } from './requests.js'

export type ClientAnswers = typeof requestAnswers

answerParent(requestAnswers)
